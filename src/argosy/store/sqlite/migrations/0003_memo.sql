-- What an engine notes for itself of a file, to go on with in another process.
ALTER TABLE segments ADD COLUMN memo TEXT;
