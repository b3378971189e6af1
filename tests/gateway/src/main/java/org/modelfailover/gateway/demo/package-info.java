/** {@code make demo}: the product at work, told step by step, each step checked. */
package org.modelfailover.gateway.demo;
