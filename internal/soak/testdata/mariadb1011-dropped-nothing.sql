# A DROP of several tables is logged with those that there were not.
s0: CREATE DATABASE d;
s0: CREATE DATABASE e;
s0: USE d;
s0: CREATE TABLE kept (id INT PRIMARY KEY);
s0: CREATE TABLE e.n (id INT PRIMARY KEY);
-- base --
s0: DROP TABLE d.missing, e.n;
s0: INSERT INTO kept VALUES (1);
