"""What holds the apps together: settings, addresses, Celery, embedded services, the commands."""
