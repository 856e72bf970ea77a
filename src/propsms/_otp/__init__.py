"""The insides of `propsms.otp`; import from there."""
