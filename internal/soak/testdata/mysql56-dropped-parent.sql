# A DROP is logged although a foreign key kept the table.
s0: CREATE DATABASE d;
s0: USE d;
s0: CREATE TABLE parent (id INT PRIMARY KEY);
s0: CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id));
s0: CREATE TABLE other (id INT PRIMARY KEY);
s0: INSERT INTO parent VALUES (1);
-- base --
s0: DROP TABLE IF EXISTS parent;
s0: DROP TABLE IF EXISTS other, parent;
s0: INSERT INTO child VALUES (1, 1);
