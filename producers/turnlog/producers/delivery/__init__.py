"""Messages on their way from a caller's queue to Kafka, and the account of those that did not make it."""
