"""What a chatbot's code holds while something happens: calls, steps, scopes, streams."""
