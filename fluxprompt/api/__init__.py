"""What all of the REST API shares: problem details, negotiation, paging, addresses."""
