"""Authentication with ADBC: prints the outcome of each attempt on a line. Arguments: the address, a token."""

import sys

import adbc_driver_flightsql.dbapi as dbapi

for what, options in [
    ("nobody", {}),
    ("wrong", {"username": "ada", "password": "guessed"}),
    ("right", {"username": "ada", "password": "lovelace"}),
    ("token", {"adbc.flight.sql.authorization_header": f"Bearer {sys.argv[2]}"}),
    ("wrong token", {"adbc.flight.sql.authorization_header": "Bearer nobody"}),
]:
    try:
        with dbapi.connect(sys.argv[1], autocommit=True, db_kwargs=options) as connection:
            with connection.cursor() as cursor:
                cursor.execute("select 7 as seven")
                print(f"{what}: {cursor.fetchall()}")
    except dbapi.Error as error:
        print(f"{what}: {error.status_code.name} {error}".replace("\n", " "))
