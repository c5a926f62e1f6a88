-- Version 3: what image-text models say of an image beyond its score.

ALTER TABLE alignment ADD COLUMN rank INTEGER;          -- of the true class among all classes by cosine; 1: the nearest
ALTER TABLE alignment ADD COLUMN zero_shot_score REAL;  -- cosine of the image and the prompt of zero_shot_class_id
