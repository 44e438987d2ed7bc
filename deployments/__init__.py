"""What runs as a server: the operations desk."""
