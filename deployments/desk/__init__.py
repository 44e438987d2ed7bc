"""The operations desk: pages that say whether production is healthy, and why.

It only reads, and through `tasks.monitoring` alone.

- `app.create_app`: the application; its addresses are in `page_routes`, `file_routes` and
  `event_routes`.
- `server.serve_desk`: serves them until it is interrupted.
"""
