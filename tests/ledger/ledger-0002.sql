BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	item INTEGER NOT NULL, 
	action TEXT NOT NULL, 
	resource TEXT NOT NULL, 
	key_hash TEXT NOT NULL, 
	begin_date TEXT NOT NULL, 
	education_organization_id BIGINT NOT NULL, 
	program_education_organization_id BIGINT NOT NULL, 
	program_name TEXT NOT NULL, 
	program_type_descriptor TEXT NOT NULL, 
	student_unique_id TEXT NOT NULL, 
	ed_fi_id TEXT, 
	body_hash TEXT, 
	intent TEXT, 
	begun_at DATETIME NOT NULL, 
	settled_at DATETIME, 
	outcome TEXT, 
	status INTEGER, 
	problem_type TEXT, 
	correlation_id TEXT, 
	requests INTEGER, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
INSERT INTO "attempts" VALUES(1,1,0,'POST','studentProgramAssociations','79aa8b3828dabe3965834ae474f73c5a','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-1','1652dce5f804d162da1d73b3b841652f','1e37c0bce2d7300de16547a231e33640',NULL,'2026-11-28 23:20:38.407267','2026-11-28 23:20:38.429819','delivered',201,NULL,'cb47f0a798e847d0873d-2',1);
INSERT INTO "attempts" VALUES(2,1,1,'POST','studentProgramAssociations','6513701f8e4c546a62a52367c5f451b0','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-2','be8e45be35c9acf9162221f809f0653c','d8b2373cec9733927d66e69a5332e8f2',NULL,'2026-11-28 23:20:38.407267','2026-11-28 23:20:38.429819','delivered',201,NULL,'cb47f0a798e847d0873d-3',1);
INSERT INTO "attempts" VALUES(3,1,2,'POST','studentProgramAssociations','8a159f42aa039b658fcc12b15c3142dc','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-99',NULL,'274f74b81bd87a11da668b312eb50c31',NULL,'2026-11-28 23:20:38.407267','2026-11-28 23:20:38.429819','refused',403,'urn:ed-fi:api:security:authorization','cb47f0a798e847d0873d-4',1);
INSERT INTO "attempts" VALUES(4,2,0,'POST','studentProgramAssociations','6608e9a76f9091d8e99e5792a7c04c60','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-4',NULL,'58d87c88aad411a4176c879f5cb6cf1c','{"body":{"beginDate":"2025-08-23","educationOrganizationReference":{"educationOrganizationId":255901},"studentReference":{"studentUniqueId":"S-4"},"programReference":{"educationOrganizationId":255901,"programName":"Gifted and Talented","programTypeDescriptor":"uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented"}},"source_refs":["program_participation:p4","students:4"],"rules":["REC-P1","CERT-SEL-1","CERT-SEL-2","COM-KEY-1"]}','2026-11-28 23:20:39.004019',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(5,2,1,'POST','studentProgramAssociations','bfb68efab01ca34809274d00b8df1739','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-5',NULL,'01d9e80ad5a99365fcfcd15dd594ebd1','{"body":{"beginDate":"2025-08-23","educationOrganizationReference":{"educationOrganizationId":255901},"studentReference":{"studentUniqueId":"S-5"},"programReference":{"educationOrganizationId":255901,"programName":"Gifted and Talented","programTypeDescriptor":"uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented"}},"source_refs":["program_participation:p5","students:5"],"rules":["REC-P1","CERT-SEL-1","CERT-SEL-2","COM-KEY-1"]}','2026-11-28 23:20:39.004019',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(6,2,3,'PUT','studentProgramAssociations','79aa8b3828dabe3965834ae474f73c5a','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-1','1652dce5f804d162da1d73b3b841652f','813e3b0ee8c38a5bff0ccc760597a605','{"body":{"beginDate":"2025-08-23","educationOrganizationReference":{"educationOrganizationId":255901},"endDate":"2026-01-31","studentReference":{"studentUniqueId":"S-1"},"programReference":{"educationOrganizationId":255901,"programName":"Gifted and Talented","programTypeDescriptor":"uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented"}},"source_refs":["program_participation:p1","students:1"],"rules":["REC-P3","CERT-SEL-1","CERT-SEL-2","COM-KEY-1"]}','2026-11-28 23:20:39.004019',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(7,2,4,'DELETE','studentProgramAssociations','6513701f8e4c546a62a52367c5f451b0','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-2','be8e45be35c9acf9162221f809f0653c',NULL,'{"body":null,"source_refs":["program_participation:p2","students:2"],"rules":["REC-P4"]}','2026-11-28 23:20:39.004019',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE feeds (
	id INTEGER NOT NULL, 
	target_id INTEGER NOT NULL, 
	profile TEXT NOT NULL, 
	source TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (target_id, profile, source), 
	FOREIGN KEY(target_id) REFERENCES targets (id)
);
INSERT INTO "feeds" VALUES(1,1,'certification','');
CREATE TABLE identity_map (
	id INTEGER NOT NULL, 
	feed_id INTEGER NOT NULL, 
	school_year INTEGER NOT NULL, 
	resource TEXT NOT NULL, 
	key_hash TEXT NOT NULL, 
	begin_date TEXT NOT NULL, 
	education_organization_id BIGINT NOT NULL, 
	program_education_organization_id BIGINT NOT NULL, 
	program_name TEXT NOT NULL, 
	program_type_descriptor TEXT NOT NULL, 
	student_unique_id TEXT NOT NULL, 
	ed_fi_id TEXT NOT NULL, 
	etag TEXT, 
	last_body TEXT NOT NULL, 
	body_hash TEXT NOT NULL, 
	source_refs TEXT NOT NULL, 
	last_status INTEGER, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (feed_id, school_year, resource, key_hash), 
	FOREIGN KEY(feed_id) REFERENCES feeds (id)
);
INSERT INTO "identity_map" VALUES(1,1,2026,'studentProgramAssociations','79aa8b3828dabe3965834ae474f73c5a','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-1','1652dce5f804d162da1d73b3b841652f','5251001066811612659','{"beginDate":"2025-08-23","educationOrganizationReference":{"educationOrganizationId":255901},"studentReference":{"studentUniqueId":"S-1"},"programReference":{"educationOrganizationId":255901,"programName":"Gifted and Talented","programTypeDescriptor":"uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented"}}','1e37c0bce2d7300de16547a231e33640','["program_participation:p1","students:1"]',201,'2026-11-28 23:20:38.430776');
INSERT INTO "identity_map" VALUES(2,1,2026,'studentProgramAssociations','6513701f8e4c546a62a52367c5f451b0','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-2','be8e45be35c9acf9162221f809f0653c','5251001066811622173','{"beginDate":"2025-08-23","educationOrganizationReference":{"educationOrganizationId":255901},"studentReference":{"studentUniqueId":"S-2"},"programReference":{"educationOrganizationId":255901,"programName":"Gifted and Talented","programTypeDescriptor":"uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented"}}','d8b2373cec9733927d66e69a5332e8f2','["program_participation:p2","students:2"]',201,'2026-11-28 23:20:38.430776');
CREATE TABLE last_sync (
	feed_id INTEGER NOT NULL, 
	school_year INTEGER NOT NULL, 
	resource TEXT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	mapping_version TEXT, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (feed_id, school_year, resource), 
	FOREIGN KEY(feed_id) REFERENCES feeds (id)
);
INSERT INTO "last_sync" VALUES(1,2026,'studentCTEProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentHomelessProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentLanguageInstructionProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentMigrantEducationProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentNeglectedOrDelinquentProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentSchoolFoodServiceProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentSection504ProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentSpecialEducationProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
INSERT INTO "last_sync" VALUES(1,2026,'studentTitleIPartAProgramAssociations',1,NULL,'2026-11-28 23:20:38.444669');
CREATE TABLE overrides (
	id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	breach TEXT NOT NULL, 
	person TEXT NOT NULL, 
	given_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE TABLE rejections (
	id INTEGER NOT NULL, 
	feed_id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	school_year INTEGER NOT NULL, 
	action TEXT NOT NULL, 
	resource TEXT NOT NULL, 
	key_hash TEXT NOT NULL, 
	begin_date TEXT NOT NULL, 
	education_organization_id BIGINT NOT NULL, 
	program_education_organization_id BIGINT NOT NULL, 
	program_name TEXT NOT NULL, 
	program_type_descriptor TEXT NOT NULL, 
	student_unique_id TEXT NOT NULL, 
	ed_fi_id TEXT, 
	outcome TEXT NOT NULL, 
	status INTEGER, 
	problem_type TEXT, 
	correlation_id TEXT, 
	attempts INTEGER NOT NULL, 
	messages TEXT NOT NULL, 
	source_refs TEXT NOT NULL, 
	rules TEXT NOT NULL, 
	open BOOLEAN NOT NULL, 
	first_seen_at DATETIME NOT NULL, 
	last_seen_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(feed_id) REFERENCES feeds (id), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
INSERT INTO "rejections" VALUES(1,1,1,2026,'POST','studentProgramAssociations','8a159f42aa039b658fcc12b15c3142dc','2025-08-23',255901,255901,'Gifted and Talented','uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented','S-99',NULL,'refused',403,'urn:ed-fi:api:security:authorization','cb47f0a798e847d0873d-4',1,'["No relationships have been established between the caller''s education organization id claim (255901) and one or more of the following properties of the resource item: ''EducationOrganizationId'', ''StudentUniqueId''.","Access to the requested data could not be authorized. Hint: You may need to create a corresponding ''StudentSchoolAssociation'' item."]','["program_participation:p99","students:99"]','["REC-P1","CERT-SEL-1","CERT-SEL-2","COM-KEY-1"]',1,'2026-11-28 23:20:38.432480','2026-11-28 23:20:38.432480');
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	feed_id INTEGER NOT NULL, 
	school_year INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, 
	mode TEXT NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (feed_id, run_id, fingerprint), 
	FOREIGN KEY(feed_id) REFERENCES feeds (id)
);
INSERT INTO "runs" VALUES(1,'monday',1,2026,'12fb6d8b77aa2d51','publish','2026-11-28 23:20:38.372032','2026-11-28 23:20:38.450615');
INSERT INTO "runs" VALUES(2,'tuesday',1,2026,'504973200cf11892','publish','2026-11-28 23:20:39.001653',NULL);
CREATE TABLE targets (
	id INTEGER NOT NULL, 
	identity TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (identity)
);
INSERT INTO "targets" VALUES(1,'http://ods.test|year=2026');
CREATE TABLE watermarks (
	feed_id INTEGER NOT NULL, 
	resource TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (feed_id, resource, name), 
	FOREIGN KEY(feed_id) REFERENCES feeds (id)
);
CREATE INDEX attempts_by_settled ON attempts (settled_at);
CREATE INDEX attempts_of_a_run ON attempts (run, item);
CREATE INDEX rejections_of_a_feed ON rejections (feed_id, open);
COMMIT;
