"""The inside of `propsms.access`: the policy as data, and the policy that comes along."""
