# A session whose database was dropped and made anew goes on under the old character set, and the log does not say so.
s0: CREATE DATABASE d CHARACTER SET latin1;
-- base --
s1: USE d;
s0: DROP DATABASE d;
s0: CREATE DATABASE d CHARACTER SET utf8mb4;
s1: CREATE TABLE t1 (x INT);
