"""The operations desk: pages that say whether production is healthy, and why.

It only reads, and through `tasks.monitoring` alone.

- `app.create_app`: the pages, `/metrics`, `/healthz` and `/api/status`.
- `server.serve_desk`: serves them until it is interrupted.
"""
