"""What becomes of an event's texts before they leave the process."""
