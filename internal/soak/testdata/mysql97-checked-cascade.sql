# Incomplete images put the table into the serial lane, where foreign keys must stay unchecked: the log has what they did.
s0: CREATE DATABASE d;
s0: USE d;
s0: SET SESSION binlog_row_image=NOBLOB;
s0: CREATE TABLE t (id INT PRIMARY KEY, b TEXT, parent INT NOT NULL, FOREIGN KEY (parent) REFERENCES t (id) ON UPDATE CASCADE);
s0: SET SESSION foreign_key_checks=0;
s0: INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 1);
-- base --
s0: SET SESSION foreign_key_checks=1;
s0: REPLACE INTO t VALUES (2, 'c', 2);
s0: UPDATE t SET id = 5 WHERE id = 1;
s0: REPLACE INTO t VALUES (5, 'd', 5);
