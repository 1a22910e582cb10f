# REPLACE is logged as an update without the columns that took their default; a column without any default took its type's.
s0: CREATE DATABASE d;
s0: USE d;
s0: SET SESSION binlog_row_image=MINIMAL;
s0: CREATE TABLE t (id INT PRIMARY KEY, a DATE, b INT NOT NULL DEFAULT 3, c VARCHAR(9) NOT NULL, e SMALLINT NOT NULL, f ENUM('x','y') NOT NULL);
s0: INSERT INTO t VALUES (1, '2024-02-02', 7, 'old', 8, 'y'), (2, '2024-02-03', 8, 'old', 9, 'y');
-- base --
s0: SET SESSION sql_mode='';
s0: REPLACE INTO t (id, c) VALUES (1, 'new');
s0: REPLACE INTO t (id) VALUES (2);
s0: INSERT IGNORE INTO t (id, c) VALUES (3, 'first');
