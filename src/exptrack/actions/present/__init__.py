"""Results of actions as the JSON that scripts rely on; docs/json.md lists every key."""
