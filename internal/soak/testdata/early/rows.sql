# The database was made anew before the base: the log before it tells, and the rows show the default that the session still had.
s0: CREATE DATABASE d CHARACTER SET latin1;
s1: USE d;
s0: DROP DATABASE d;
s0: CREATE DATABASE d CHARACTER SET utf8mb4;
-- base --
s1: CREATE TABLE t1 (x INT PRIMARY KEY, v VARCHAR(20));
s1: INSERT INTO t1 VALUES (1, 'é');
s0: USE d;
s0: CREATE TABLE t2 (x INT PRIMARY KEY);
