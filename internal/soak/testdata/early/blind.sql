# As rows.sql, and nothing shows it: it is said.
s0: CREATE DATABASE d CHARACTER SET latin1;
s1: USE d;
s1: CREATE TABLE t0 (x INT PRIMARY KEY);
s0: DROP DATABASE d;
s0: CREATE DATABASE d CHARACTER SET utf8mb4;
-- base --
s1: CREATE TABLE t1 (x INT PRIMARY KEY);
s0: USE d;
s0: CREATE TABLE t2 (x INT PRIMARY KEY);
