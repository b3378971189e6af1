package org.wso2.carbon.apimgt.spec.parser.definitions;

import org.wso2.carbon.apimgt.api.APIDefinition;

/**
 * Stands for the class of this name, whose jar is not on Maven Central: the JVM wants to know that
 * it is an {@code APIDefinition} before it links {@code APIProviderImpl}. Nothing here calls it.
 */
public abstract class OAS3Parser extends APIDefinition {}
