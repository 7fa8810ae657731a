"""Accounts: how people get one, prove who they are, see where they are signed in, and how much they may use."""
