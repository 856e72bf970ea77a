"""The inside of `propsms.sending_hours`: the calendar, and one file of data for each year."""
