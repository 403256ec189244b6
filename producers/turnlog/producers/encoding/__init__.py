"""Events to Avro and messages, as fast as Python goes."""
