"""Where people log already: each module here carries what another library logs to a client, and is imported by name."""
