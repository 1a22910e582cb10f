# MODIFY leaves the unique keys in the order that they had; a table that is made anew has those without NULLs first.
s0: CREATE DATABASE d CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
s0: USE d;
s0: CREATE TABLE t1 (c35 TINYBLOB NOT NULL, k33 DECIMAL(30,10) NOT NULL, c37 BINARY(3) NOT NULL, c34 YEAR, PRIMARY KEY (k33), UNIQUE KEY u38 (c34), UNIQUE KEY u39 (c35(3), c37), KEY i40 (c37, c34));
s0: ALTER TABLE t1 MODIFY COLUMN c34 YEAR NOT NULL, MODIFY COLUMN c37 BINARY(3) FIRST;
-- base --
s0: INSERT INTO t1 (c35, k33, c37, c34) VALUES ('a', 1, 'b', 2024);
