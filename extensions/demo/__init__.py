"""What `manage.py demo` is made of: an account, a webhook receiver, an API client, and the check of the results."""
