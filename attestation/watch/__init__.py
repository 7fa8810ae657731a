"""The watch: what operators should know of a deployment, found on a schedule and told once, when it begins and ends."""
