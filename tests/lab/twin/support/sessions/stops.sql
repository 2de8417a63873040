-- Settings of a database with which no session works as it should, unless it brings its own.
ALTER DATABASE app SET local_preload_libraries = 'planted';
ALTER DATABASE app SET default_transaction_read_only = on;
ALTER DATABASE app SET statement_timeout = '1ms';
ALTER DATABASE app SET lock_timeout = '1ms';
ALTER DATABASE app SET idle_in_transaction_session_timeout = '1ms';
ALTER DATABASE app SET role = 'app';
