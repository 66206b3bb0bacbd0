"""How people come in: addresses and passwords, second factors, passkeys, other sites' accounts."""
