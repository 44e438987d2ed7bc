"""The operations desk: pages that say whether production is healthy, and why.

It reads, and lets people act, through `tasks.monitoring` alone.

- `app.create_app`: the application; its addresses are in `page_routes`, `file_routes`,
  `event_routes`, `data_routes` and `action_routes`.
- `csrf.require_form_token`: what every form that changes something asks first.
- `server.serve_desk`: serves them until it is interrupted.
"""
