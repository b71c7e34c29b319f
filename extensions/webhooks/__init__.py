"""Webhooks: what receivers are told, signed, tried again for a day, and logged attempt by attempt."""
