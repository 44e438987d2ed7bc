"""What `pixelgate up` runs on one machine: a home goes in; servers, worker, desk and keeper live.

- `installation_services.services_of`: the commands, their environments and when each is ready
- `up_record`: which processes there are, so that another command can end them
- `stopped_runs`: what is noted of the runs that its end interrupts
- `running.run_installation`: all of it, until it is interrupted
"""
