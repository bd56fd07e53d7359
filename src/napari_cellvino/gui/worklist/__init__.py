"""The work list: fields of files, folders and films, run and walked through in one sitting."""
