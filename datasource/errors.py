"""The one family of errors that this layer raises."""

__all__ = ["DataSourceError"]


class DataSourceError(Exception):
    """Base of every error that a data source raises on purpose."""
