"""A client from its connection to its last bin: protocol, schedule, session, capacity."""
