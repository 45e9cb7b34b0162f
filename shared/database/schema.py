"""What every module of tables stands on: one metadata, the names of constraints, and the type of a time."""

from sqlalchemy import DateTime, MetaData
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
TIME = DateTime(timezone=True)


class Base(DeclarativeBase):
    """The bridge's own tables; the paper broker's books have a metadata of their own."""

    metadata = MetaData(naming_convention=NAMING)
