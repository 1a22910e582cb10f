# A SET column of a dump has its COLLATE; the column that was never dumped has none, and CONVERT TO leaves that so.
s0: CREATE DATABASE d CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
s0: USE d;
s0: CREATE TABLE t1 (k INT PRIMARY KEY, c SET('a','b'), e ENUM('a','b'));
s0: INSERT INTO t1 VALUES (1, 'a', 'b');
-- base --
s0: ALTER TABLE t1 CONVERT TO CHARACTER SET utf8mb4;
s0: INSERT INTO t1 VALUES (2, 'a,b', NULL);
