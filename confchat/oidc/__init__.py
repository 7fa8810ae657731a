"""Signing in elsewhere: an OpenID Connect provider says who somebody is, by a signed token that is checked strictly."""
