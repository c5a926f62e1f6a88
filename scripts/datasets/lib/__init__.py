"""Builders of real multi-domain image datasets out of artwork that package registries carry."""
