"""The operations desk: pages that say whether production is healthy, and why.

It reads, and lets people act, through `tasks.monitoring` alone.

- `app.create_app`: the pages, `/metrics`, `/healthz` and `/api/status`.
- `action_routes.add_actions`: forms for who has signed in, and the API of runs.
- `csrf.require_form_token`: what every form that changes something asks first.
- `server.serve_desk`: serves them until it is interrupted.
"""
