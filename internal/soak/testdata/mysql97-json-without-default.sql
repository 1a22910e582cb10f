# A MINIMAL image leaves out a JSON column that took the null of a session without strict mode; the restore's own session is strict.
s0: CREATE DATABASE d CHARACTER SET utf8mb4;
s0: USE d;
s0: SET SESSION binlog_row_image=MINIMAL;
s0: SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';
s0: CREATE TABLE t21 (k22 INT NOT NULL, c24 JSON NOT NULL, k23 DATE NOT NULL, PRIMARY KEY (k22, k23), KEY i25 (k22));
-- base --
s0: INSERT INTO d.t21 (k22, k23) VALUES (19, '2024-02-19');
