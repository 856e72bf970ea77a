"""The insides of `propsms.placeholders`: what values may be, and how they are put in."""
