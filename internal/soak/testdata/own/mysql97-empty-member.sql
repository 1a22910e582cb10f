# A dump writes an ENUM's error value as the empty string, which is a member here.
s0: CREATE DATABASE d CHARACTER SET utf8mb4;
s0: USE d;
s0: SET SESSION sql_mode='';
s0: CREATE TABLE t1 (k INT PRIMARY KEY, e ENUM('a',''));
s0: INSERT INTO t1 VALUES (1, 'nothing'), (2, ''), (3, 'a');
-- base --
s0: INSERT INTO t1 VALUES (4, 'nothing'), (5, '');
