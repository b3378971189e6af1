/** Streams as their callers read them: one reader for each wire format, all of them strict. */
package org.modelfailover.kit.stream;
