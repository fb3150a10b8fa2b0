"""``bridge simulate`` as a command, on deliveries from a file and on those that could not be read."""
