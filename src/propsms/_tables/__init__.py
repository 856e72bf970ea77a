"""The inside of `propsms.tables`: cells, files, and the table that is read row by row."""
