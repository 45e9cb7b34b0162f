"""What holds for the project as a whole: its layout, its arrows, its writers, its states."""
