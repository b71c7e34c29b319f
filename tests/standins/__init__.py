"""Stand-ins for third parties: small servers on loopback that speak a supplier's protocol and refuse what it does."""
