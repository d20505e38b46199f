"""Spec models, wire messages, Arrow grid schema and instrument lock of the vacuum-pressure system."""
