"""Odd bodies by the hundred thousand: in process (`test_bodies`) and over HTTP (`http`)."""
