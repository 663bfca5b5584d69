"""The serving room: score open leads, route them beside the rules, publish."""
