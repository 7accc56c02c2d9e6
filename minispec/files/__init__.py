"""Reading and writing the files of a model folder; nothing here knows how to decode."""
